"""Figures, tables, HTML and Markdown made of results. Nothing here imports TensorFlow."""
