# SPDX-License-Identifier: MIT
def explain(cell, wrong, ours, theirs):
    return [], wrong


def promised(cell):
    return None
