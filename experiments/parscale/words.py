"""What the claims share: their sources, published numbers, and how the expected ranges came about.

What had been seen before the ranges of `branches`, `rates` and `widths` were fixed: the paper, of
models with 0.5 to 4.4 billion parameters, and studies of decoders of 1,600 to 6,300 parameters, in
which eight streams added half and more to N (results/earlier/parscale). There four streams,
switched on in a trained decoder, gained 0.095 [0.051, 0.140] % over a single stream with a prefix.
Of the decoders of these studies only the speed had been seen. Ranges of gains state a sign; what
the law and its rivals predict at this size has claims of its own.

A gain is what a change takes off the loss, in percent of the loss before it, paired by seed. The
paper's are the means over its sizes and both corpora; at the sizes of this lab they are no
comparator, since the same law with another floor and exponent predicts other gains.
"""

PAPER = "arXiv 2505.10475"
BY_LAB = f"{PAPER}; control by this lab"
MEAN_GAIN = f"{PAPER}, Fig. 2: mean of its sizes, 0.5 to 4.4 billion parameters, and corpora"
PUBLISHED_K = 0.36  # of both corpora
PUBLISHED_GAINS = {2: 1.69, 4: 2.85, 8: 3.84}  # percent of the loss of one stream
PUBLISHED_MULTIPLIERS = {2: 1.25, 4: 1.50, 8: 1.76}  # of N: k ln P + 1
PUBLISHED_RHO = {2: 0.905, 4: 0.893, 8: 0.877}  # what the published losses imply by the theory
# Standard deviation over seeds of a gain, percent of the loss, where branches leave one trunk:
# recorded with decoders of 3,564 parameters (results/earlier/parscale).
PAIRED_SD = {"one stream": 0.09, "the prefix control": 0.043}
# Headings of the overview.
SWITCHED_ON = "Switched on in a trained decoder"
FROM_SCRATCH, CONTROLS = "From scratch", "Controls"
