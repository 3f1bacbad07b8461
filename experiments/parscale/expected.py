"""What the claims have in common; their sentences and ranges stand with their studies.

All of them were written before a run of the studies: from the paper, whose models have 0.5B to 4.4B
parameters, where those here have tens of thousands. So a range states a sign and at most the
published size, and a small effect that is not told from zero is inconclusive.

A gain is what a change takes off the loss, in per cent of the loss before it, on the same batches:
paired by seed. The paper's are the means over its sizes and both corpora.
"""

PAPER = "arXiv 2505.10475"
BY = f"{PAPER}; control by this lab"
PUBLISHED_GAINS = {2: 1.69, 4: 2.85, 8: 3.84}  # per cent of the loss of one stream
PUBLISHED_MULTIPLIERS = {2: 1.25, 4: 1.50, 8: 1.76}  # of N: k ln P + 1
PUBLISHED_RHO = {2: 0.905, 4: 0.893, 8: 0.877}  # what the published losses imply by the theory
