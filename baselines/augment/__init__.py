"""What an image may become before a model learns from it: each augmentation a row, on Pillow or inside the step."""
