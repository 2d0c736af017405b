"""How an import says no: in a sentence that names what to do, and before anything is changed."""


class ImportRefused(RuntimeError):
    """The import cannot be done; the message says why and what to do. Nothing was changed."""
