"""Bigaud, Papereux, Rolland: Adversarial training for image classification, 2021 (the BIPARO report)."""
