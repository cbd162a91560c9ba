"""Fine-tuning on DeepFool images: what is crafted before training."""

import numpy as np
import pytest
from eager import eagerly  # noqa: F401

from tfadv.models import build
from tfadv.training import METHODS


@pytest.mark.usefixtures("eagerly")
def test_deepfool_images_may_leave_the_box(digits):
    model = build("mlp(hidden=(16,), init=glorot)", (8, 8, 1), 10, seed=1)
    few = digits.train.take(50)
    clipped, free = (
        METHODS.build(f"deepfool_finetune(clip={clip})", classifier=model).prepare(few) for clip in (True, False)
    )
    assert clipped.x.min() >= 0 and clipped.x.max() <= 1
    assert free.x.min() < 0 and len(free) == 50 and np.array_equal(free.y, few.y)
