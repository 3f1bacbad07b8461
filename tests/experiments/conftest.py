"""What the tests of claims and of reports share."""

import pytest

from experiments.one_third import measures

KNOWN = {}  # theories by their inputs


@pytest.fixture(scope="module", autouse=True)
def quick_theory():
    """Samples the theory of a teacher on fewer inputs, and every theory only once.

    Other tests measure with all inputs, so what was measured with fewer is forgotten.
    """
    sample, statics = measures.teacher_logits, measures.sampled_statics

    def fewer(random, weights_NxM, inputs):
        return sample(random, weights_NxM, inputs // 4)

    def once(logits_SxN, beta_B):
        key = logits_SxN[0].tobytes() + beta_B.tobytes()
        if key not in KNOWN:
            KNOWN[key] = statics(logits_SxN, beta_B)
        return KNOWN[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "teacher_logits", fewer)
        patch.setattr(measures, "sampled_statics", once)
        measures.teacher_statics.cache_clear()
        yield
        measures.teacher_statics.cache_clear()
