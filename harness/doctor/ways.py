"""Names of the ways in which the pictures are shown, as they stand in messages and in JSON."""

from harness.doctor.inputs import INPUTS

AS_SUBMITTED, MENDED, FLOAT = "val", "mended", INPUTS[0].name
FIRST, AGAIN, SHUFFLED, ALONE, SIXTY_FOUR, TRAIN = "once", "twice", "shuffled", "batches of 1", "batches of 64", "train"
