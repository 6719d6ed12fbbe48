"""The only door to documents: who somebody is, what they may, and the database opened for them.

acl, rules, principals      pure: levels, entries, truth tables, who holds which name
identity                    Person, Identity, Scope
directory, people           persons, groups and units, read from the `directory` database and changed in
it databases, database         opening a database for a person; reading and writing documents in it
guards                      what the door checks of ACLs, designs and directory documents whoever writes
them explain                     who may see a document, and which entry and list decides
secrets, tokens, audit      what never replicates: password hashes, links, tokens, the log (node.db)
external                    sign-in against LDAP or an OIDC provider
"""
