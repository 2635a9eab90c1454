"""Pictures of the documentation, each with a mark of the numbers that it shows."""

from hashlib import sha256
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from scipy.stats import t as student

PICTURES = Path(__file__).parents[2] / "docs" / "_static" / "measurements"

# Blue is ours everywhere, whatever we are compared with has another colour.
OURS, LIGHT = "#0a62b5", "#7fb2e5"
OTHERS = ("#d1700a", "#8c4a9e", "#3b8f5a", "#7a7f85", "#b8a13a")


def interval(values):
    """Return mean and half the width of the interval of 95 % of Student's t; NaN for one value."""
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return np.mean(values), half


def mark(numbers):
    """Return the mark of a frame of numbers: it changes if the fourth digit of any of them does."""

    def digits(value):
        # Rounded first, because what is left of a difference of zero varies with the machine.
        return f"{round(value, 9) + 0.0:.4g}"

    return sha256(numbers.to_csv(index=False, float_format=digits).encode()).hexdigest()


def mark_of(name):
    """Return the mark of the numbers that a picture was drawn from."""
    with Image.open(PICTURES / f"{name}.png") as picture:
        return picture.text["Description"]


def draw_all(figures):
    """Write pictures, given as pairs of a function that returns numbers and one that draws them."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, (read, draw) in figures.items():
        numbers = read()
        if numbers.empty:
            print(f"no results yet: {name}")
            continue
        figure = draw(numbers)
        path = PICTURES / f"{name}.png"
        figure.savefig(path, dpi=120, metadata={"Description": mark(numbers)})
        plt.close(figure)
        print(f"written: docs/_static/measurements/{name}.png")
