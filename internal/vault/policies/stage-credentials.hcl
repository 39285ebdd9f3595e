# StageCredentials writes a new credential beside the current one, and opens one that waits already. "update" on transit,
# never "create": with that a mistyped key name would silently make a new key.
path "smtp/data/+/admin"         { capabilities = ["read"] }
path "smtp/data/+/admin-pending" { capabilities = ["create", "read", "update"] }
path "transit/encrypt/smtp"      { capabilities = ["update"] }
path "transit/decrypt/smtp"      { capabilities = ["update"] }
path "auth/token/revoke-self"    { capabilities = ["update"] }
