# InventorySecrets reads everything to fingerprint it, and changes nothing. The widest policy of all: no other step has it.
path "smtp/*"                 { capabilities = ["read", "list"] }
path "vps/*"                  { capabilities = ["read", "list"] }
path "dkim/*"                 { capabilities = ["read", "list"] }
path "dr/*"                   { capabilities = ["read", "list"] }
path "sys/mounts"             { capabilities = ["read"] }
path "sys/auth"               { capabilities = ["read"] }
path "sys/audit"              { capabilities = ["read", "sudo"] }
path "sys/policies/acl"       { capabilities = ["list"] }
path "sys/policies/acl/*"     { capabilities = ["read"] }
path "auth/aws/role"          { capabilities = ["list"] }
path "auth/approle/role"      { capabilities = ["list"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
