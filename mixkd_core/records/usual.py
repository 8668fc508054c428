"""A training of which nothing is said: how long it is, and at which rate.

The command line, studies and a script of one's own all take it from here and from the fields'
defaults in `mixkd_core.records.specs`. What was chosen and how: `experiments/results/README.md`.
"""

import math

from mixkd_core.records.specs import TrainingSpec

# On small data steps decide, not epochs: three epochs of 600 examples in batches of 16 are enough.
# Three times as many steps of twice as many examples gained nothing and overfitted.
ENOUGH_STEPS = 100

# Chosen among 5e-5, 1e-4 and 2e-4 (`experiments/tuning/defaults.py`): at 5e-5 students of some
# tasks stay near the majority class after 100 steps.
RATE_OF_STUDENTS = 2e-4

# Random weights, such as those of the embedded tasks' own encoder, need larger steps.
RATE_OF_RANDOM_WEIGHTS = 2e-3


def usual_epochs(examples: float, batch_size: int) -> float:
    """Return the usual number of epochs, or as many as `ENOUGH_STEPS` take on small data."""
    steps_of_an_epoch = max(1, math.ceil(examples / batch_size))
    return max(TrainingSpec().epochs, float(math.ceil(ENOUGH_STEPS / steps_of_an_epoch)))


def usual_rate(*, random_weights: bool, student: bool) -> float:
    """Return the usual peak learning rate of a student or its teacher."""
    if random_weights:
        return RATE_OF_RANDOM_WEIGHTS
    return RATE_OF_STUDENTS if student else TrainingSpec().learning_rate
