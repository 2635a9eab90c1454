"""The experiments of the MMoE paper, reproduced: its figures and claims."""
