"""Tests of the overview for operators in Django's admin."""
