"""What the pages of a document need beyond the door: values shown and read back, edits merged, related documents found.

    request form ──formdata──▶ items ──merging──▶ Database.change
    document ──display──▶ sections of rows ──templates/document/*
    document + form ──widgets──▶ sections of fields ──templates/edit/*

Only the blueprints in `app/web/pages` speak HTTP; the modules here turn documents into what templates show.
"""
