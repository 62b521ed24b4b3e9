"""The letters of columns in cell references: `A` is column 0, `XFD` 16,383. Quick to import."""


def column_index(letters: str) -> int:
    """Returns the 0-based column of its letters."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def column_letters(index: int) -> str:
    """Returns the letters of a 0-based column."""
    letters = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters
