"""What the pages of administrators are made of: words for rights, checks, mail, sheets of people, YAML edits.

words        levels, flags, kinds of entry and events of the log, as people read them
aclform      an ACL from a form and back; what to think about before it is saved
directory    groups of a person, tree of units, where a name is used
firstkeys    first passwords and one-time links; mailing      sending them
sheet        many people from pasted rows or a file
yamledit     one entry of a YAML list added, replaced, moved, the rest of the text as it was
drafting     a field or a view, from a form, as YAML           previewing    as it will look
"""
