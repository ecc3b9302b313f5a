"""What a choice means for its user, in a few words."""

from vaefeat.fitting.run import Choice

N_ERRORS = 2  # standard errors within which nothing can be distinguished from guessing


def verdict(choice: Choice) -> str:
    """Return what to ship and whether an encoder is worth it, in two sentences.

    Parameters
    ----------
    choice : Choice

    Returns
    -------
    str
    """
    score = choice.scores[choice.chosen]
    n_labels = int(choice.samples.is_labeled.sum())
    return (
        f"With {n_labels:,} labels: {choice.candidates[choice.chosen].name}, "
        f"{score.text(score.value)} {score.metric}{_gain(choice)}. {_advice(choice)}"
    )


def _gain(choice: Choice) -> str:
    """Return the gain over the simplest candidate; the file ships another one only if there is a gain."""
    if choice.chosen == 0:
        return ""
    score = choice.scores[choice.chosen]
    return f", {score.gain(*score.minus(choice.scores[0]))} over {choice.candidates[0].name}"


def _worth(choice: Choice) -> str:
    """Return what the chosen encoder is good for, compared with the best candidate without one."""
    score = choice.scores[choice.chosen]
    tried = zip(choice.candidates, choice.scores, strict=True)
    without = [other for candidate, other in tried if not candidate.needs_encoder]
    gaps = [score.minus(other) for other in without]
    return "the encoder pays" if all(gain > error for gain, error in gaps) else score.worth


def _advice(choice: Choice) -> str:
    score = choice.scores[choice.chosen]
    if score.value < score.chance + N_ERRORS * score.standard_error:
        guess = score.text(score.chance)
        return f"That is hardly better than guessing ({guess}): do not ship it; label more rows."
    if choice.candidates[choice.chosen].needs_encoder:
        return f"Ship it: {_worth(choice)}."
    if any(candidate.needs_encoder for candidate in choice.candidates):
        return "Ship it; do not bother with an encoder here: it does not pay."
    return "Ship it."
