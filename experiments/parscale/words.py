"""What the claims share: their sources, published numbers, and how the expected ranges came about.

What had been seen before the ranges were fixed: the paper, of models with 0.5B to 4.4B parameters,
where those here have 1,608 to 24,864; pilots on seeds 0 and 1, which chose widths, prefix lengths,
bytes and the standard deviation at the start, and in which four streams at width 16 with up to a
million bytes had gained nothing; and losses of seeds 100 to 105 after two million bytes at width 8
(2.2404 nats with one stream, 2.2358 with two, 2.2330 with four) and in part at width 12. The
studies have seeds from 200 on. So the regime is one in which a gain was expected from pilots, and
the one in which there was none is not shown. Ranges state a sign, not the published size: a small
effect that is not distinguished from zero is undecided. `widths_of_law` alone was written later,
after a first record had been seen.

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
# Headings of the overview.
SWITCHED_ON, FROZEN = "Switched on in a trained decoder", "Around a frozen decoder"
FROM_SCRATCH, CONTROLS = "From scratch", "Controls"
