"""Pieces that several attacks are made of. All of it is graph code."""
