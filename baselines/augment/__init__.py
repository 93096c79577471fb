"""What an image may become before a model learns from it: each augmentation a row, made of Keras's own layers."""
