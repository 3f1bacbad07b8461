"""Words that claims and figures of several studies use, and how the expected ranges came about.

An expected range stands in the file of its study. It is not adjusted to the outcome of the
committed study, which ran on seeds that no pilot had used. How strong that is differs. Pilots on
other seeds had been seen when the ranges of headline, adam_grid, hard_labels, flat, text,
separable, margins (densities 0 and 1), images, tower and of the methods that change SGD's rate and
scale were written; none for the other studies, nor for a rate ~ t^-3/4 or the averages of decaying
rates. `flat_theory` and `adam_spread` were written while their study ran. `escape` repeats on new
seeds what `growth` had shown, and `causes` was written to explain what had disagreed. Changed
after runs were seen, with no range moved: ratios of losses became geometric means, some sentences
were made plainer, and two claims ceased to be called controls.

Where a published number belongs to one fit window there are two claims: one in that window, and one
that must hold in every window of the family that `jaxlab.analysis.interval` fixes.
"""

PAPER = "arXiv 2602.03685"
THIRD = 1 / 3
TAU = "τ, the sum of learning rates"
OPTIMIZERS = {"adam": "Adam", "sgd": "SGD"}
