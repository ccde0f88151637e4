"""The words of an edition's mail, for those who show them elsewhere."""

from digest.language import language
from digest.model import Edition, Sender
from digest.rendering.cards import describe
from digest.rendering.letter import Letter, make_letter


def letter_of(edition: Edition, sender: Sender) -> Letter:
    """What the mail says, every card in the detail its section asks for, however large that is."""
    spoken = language(edition.profile.language)
    return make_letter(edition, sender, spoken, lambda one: describe(one, edition.day, spoken))
