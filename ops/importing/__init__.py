"""Brings people, wards and services of other systems' lists into a council's files.

One module for each list (`modern_gov`, `lgsf`, `lgsl`, `ons_wards`), one that merges people (`merging`), one that
rehearses, writes and publishes nothing broken (`flow`). The one rule: an import proposes, a person says yes.
"""
