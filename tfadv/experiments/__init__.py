"""Experiments of the literature, each reproduced from one command and held against what was published."""

from tfadv.registry import Registry

EXPERIMENTS = Registry(
    "experiment",
    {
        "demo": "tfadv.experiments.demo:Demo",
        "basicnet_at": "tfadv.experiments.biparo.basicnet_at:BasicNetAT",
        "epsilon_sweep": "tfadv.experiments.biparo.epsilon_sweep:EpsilonSweep",
        "mat": "tfadv.experiments.biparo.mat:Mat",
        "robust_overfitting": "tfadv.experiments.biparo.robust_overfitting:RobustOverfitting",
        "capacity": "tfadv.experiments.biparo.capacity:Capacity",
        "wide_vs_deep_cka": "tfadv.experiments.biparo.wide_vs_deep_cka:WideVsDeepCKA",
        "robustness_accuracy_tradeoff": "tfadv.experiments.biparo.tradeoff:Tradeoff",
        "adversarial_training_danskin": "tfadv.experiments.lecture.danskin:Danskin",
        "noise_injection": "tfadv.experiments.biparo.noise_injection:NoiseInjection",
        "noisynet_curves": "tfadv.experiments.biparo.noisynet_curves:NoisyNetCurves",
        "slwta": "tfadv.experiments.biparo.slwta:SLWTA",
        "bayes_net": "tfadv.experiments.biparo.bayes_net:BayesNet",
        "pni": "tfadv.experiments.biparo.pni:PNI",
        "final_model": "tfadv.experiments.biparo.final_model:FinalModel",
        "attack_forensic": "tfadv.experiments.biparo.attack_forensic:AttackForensic",
        "nas_robust": "tfadv.experiments.biparo.nas_robust:NasRobust",
        "madry_mnist_capacity": "tfadv.experiments.lecture.madry_mnist_capacity:MadryMnistCapacity",
        "advtrain_as_augmentation": "tfadv.experiments.lecture.augmentation:Augmentation",
        "cifar10_svm": "tfadv.experiments.cifar_svm_resnet.cifar10_svm:Cifar10SVM",
        "svm_hog": "tfadv.experiments.cifar_svm_resnet.svm_hog:SVMHOG",
        "nn_3layer": "tfadv.experiments.cifar_svm_resnet.nn_3layer:NN3Layer",
        "cifar10_resnet50": "tfadv.experiments.cifar_svm_resnet.cifar10_resnet50:Cifar10ResNet50",
        "svm_resnet_pgd": "tfadv.experiments.cifar_svm_resnet.svm_resnet_pgd:SVMResNetPGD",
        "cifar10_advtrain": "tfadv.experiments.cifar_svm_resnet.cifar10_advtrain:Cifar10AdvTrain",
        "decision_boundary_2d": "tfadv.experiments.cifar_svm_resnet.decision_boundary_2d:DecisionBoundary2D",
        "deep_defense": "tfadv.experiments.deep_defense:deep_defense",
        "deep_defense_mnist": "tfadv.experiments.deep_defense.mnist:DeepDefenseMnist",
        "deep_defense_tuning": "tfadv.experiments.deep_defense.tuning:DeepDefenseTuning",
    },
)
