"""Vuong: Advanced image processing, final report, 2020: an SVM and a ResNet on CIFAR-10, attacked and trained anew."""
