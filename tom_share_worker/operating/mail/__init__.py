"""E-mail about what failed: `collecting` finds whom to tell, in the sweep; `text` says
it; `sending` speaks to the mail server, in a task of its own.

Off unless EMAIL_ON_FAILURE. What is told is marked as `told` in the transaction that
writes the row of the e-mail, so that nothing is told twice; and an e-mail of which it
is not sure whether it left is not sent again: one too few costs a look at the badge,
one too many costs the trust in all others.
"""
