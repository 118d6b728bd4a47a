"""What a run cost and where it erred, as data and as a page."""
