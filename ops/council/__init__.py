"""What `casework council` does: versions of the council's data published, looked at, compared and taken back.

The one rule: a version is never changed; whoever wants another one publishes it.
"""
