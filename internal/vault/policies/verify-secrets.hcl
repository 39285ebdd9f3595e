# VerifySecrets reads every secret after a restore and opens every mail password. "update" on transit, never "create":
# with create a mistyped key name would silently make a new key.
path "smtp/*"                 { capabilities = ["read", "list"] }
path "vps/*"                  { capabilities = ["read", "list"] }
path "dkim/*"                 { capabilities = ["read", "list"] }
path "dr/*"                   { capabilities = ["read", "list"] }
path "sys/mounts"             { capabilities = ["read"] }
path "transit/decrypt/smtp"   { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
