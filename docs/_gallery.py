"""What the gallery of examples needs besides its settings; sphinx-gallery takes it by name."""


def arguments(gallery, script):
    """Return the arguments of an example: the largest one takes fewer rows than from a shell."""
    is_largest = script["src_file"].endswith("plot_main_job.py")
    return ["--n-samples", "12000"] if is_largest else []
