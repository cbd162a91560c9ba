"""What reads or rewrites the graph of a Keras model; nothing here knows of attacks."""
