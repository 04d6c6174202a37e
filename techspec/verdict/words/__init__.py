"""Findings in, sentences out: one paragraph that a tired person understands.

Each says what was compared over how many seeds, the effect with its interval, the rule, and what
would change the answer. No p-value without words: it is told as how often chance would do the same.
One module a form of claim; numbers as text are in `numbers`.
"""
