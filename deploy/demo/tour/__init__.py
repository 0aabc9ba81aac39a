"""The guided tour that `make demo` gives, part by part; run_demo.py tells the story.

Everything is seen from outside, over HTTP, as a person or another program sees a TOM.
"""
