"""What can be read off the paper's figures, within about .01."""

# Correlation of the labels by the cosine of the weight vectors.
FIG2 = {
    0.4: 0.055,
    0.5: 0.075,
    0.6: 0.10,
    0.7: 0.135,
    0.8: 0.195,
    0.9: 0.305,
    0.95: 0.445,
    0.98: 0.66,
    1.0: 1.0,
}
# Last losses of the small Shared-Bottom network.
FIG3 = {0.5: 0.40, 0.9: 0.355, 1.0: 0.285}
# Last losses of the three models, means of 200 runs.
FIG4 = {
    0.5: {"Shared-Bottom": 0.255, "OMoE": 0.147, "MMoE": 0.083},
    0.9: {"Shared-Bottom": 0.222, "OMoE": 0.118, "MMoE": 0.081},
    1.0: {"Shared-Bottom": 0.202, "OMoE": 0.078, "MMoE": 0.070},
}
# Where the most frequent bin of final losses begins; bins are about .035 wide.
FIG5_MODES = {
    "MMoE": {0.5: 0.035, 0.9: 0.035, 1.0: 0.035},
    "OMoE": {0.5: 0.105, 0.9: 0.07, 1.0: 0.035},
}
READING_ERROR = 0.01
