"""Tests of the addresses for other TOMs that run this app."""
