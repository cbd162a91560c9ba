"""From a trained classifier to a SavedModel that TensorFlow Serving runs without tfadv."""
