"""The addresses people and programs use; one module for each kind of visitor."""
