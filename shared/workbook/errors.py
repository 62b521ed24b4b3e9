"""The errors of reading a workbook.

    WorkbookError
    ├── UnreadableWorkbookError  not an XLSX package, damaged, encrypted, or without a worksheet
    └── WorkbookTooLargeError    over one of the `Limits`

The text of each is a sentence for the person who made the file: the problem, its place, and how to fix it.
"""

from shared.workbook.limits import MAX_CELL_LENGTH


class WorkbookError(Exception):
    """The workbook cannot be read."""


class UnreadableWorkbookError(WorkbookError):
    """The file is no XLSX package, is damaged or encrypted, or has no worksheet."""


class WorkbookTooLargeError(WorkbookError):
    """The workbook is over one of the `Limits`."""


def damaged() -> UnreadableWorkbookError:
    """Returns the error for a workbook that is cut short, no valid package, or not well-formed."""
    return UnreadableWorkbookError(
        "The Excel workbook is damaged or incomplete. Open it in Excel, save it as a new workbook (.xlsx), and upload "
        "that."
    )


def too_many_rows(limit: int) -> WorkbookTooLargeError:
    """Returns the error for a sheet with more rows than that."""
    return WorkbookTooLargeError(f"The sheet has more than {limit:,} rows. Save the data as CSV, and upload that.")


def row_too_long() -> WorkbookTooLargeError:
    """Returns the error for a row whose text is over the limit."""
    return WorkbookTooLargeError(
        "The sheet has a row of many megabytes. Check its cells, or save the data as CSV instead."
    )


def too_wide(letters: str, limit: int) -> WorkbookTooLargeError:
    """Returns the error for a value in the column with these letters."""
    return WorkbookTooLargeError(
        f"The sheet has a value in column {letters}; at most {limit} columns are allowed. "
        "Delete the cells outside the data and upload the workbook again."
    )


def text_too_long() -> WorkbookTooLargeError:
    """Returns the error for a text longer than a cell of Excel can have."""
    return WorkbookTooLargeError(
        f"The Excel workbook has a text of more than {MAX_CELL_LENGTH:,} characters. Shorten it, or save the data as "
        "CSV instead."
    )


def repeated_cell(reference: str) -> UnreadableWorkbookError:
    """Returns the error for a row that has a cell more than once."""
    return UnreadableWorkbookError(
        f"The sheet has the cell {reference} more than once, so its value is not certain. Check that cell in Excel, "
        "save a new workbook (.xlsx), and upload that."
    )


def several_values(reference: str) -> UnreadableWorkbookError:
    """Returns the error for a cell with more than one value."""
    return UnreadableWorkbookError(
        f"The cell {reference} of the sheet has more than one value. Check that cell in Excel, save a new workbook "
        "(.xlsx), and upload that."
    )
