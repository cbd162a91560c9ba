"""What is proven of networks: interval bounds (Gowal et al. 2019) and randomized smoothing (Cohen et al. 2019)."""
