# CommitCredentials makes the pending credential the current one and destroys what it replaces. It deletes no metadata: a late
# deletion could take away a credential that another run has staged since.
path "smtp/data/+/admin"             { capabilities = ["read", "update"] }
path "smtp/data/+/admin-pending"     { capabilities = ["read"] }
path "smtp/metadata/+/admin"         { capabilities = ["read", "patch"] }
path "smtp/metadata/+/admin-pending" { capabilities = ["read"] }
path "smtp/destroy/+/admin"          { capabilities = ["update"] }
path "smtp/destroy/+/admin-pending"  { capabilities = ["update"] }
path "vps/data/+/admin_ssh"          { capabilities = ["read"] }
path "vps/data/+/mailu_api"          { capabilities = ["read"] }
path "transit/decrypt/smtp"          { capabilities = ["update"] }
path "auth/token/revoke-self"        { capabilities = ["update"] }
