"""The sub-commands of `casework`, by who needs them: each a few lines over the module that does the work."""
