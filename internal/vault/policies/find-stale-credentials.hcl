# FindStaleCredentials holds every tenant's credential against the registry, and its password against the server's hash.
path "smtp/data/+/admin"      { capabilities = ["read"] }
path "vps/data/+/admin_ssh"   { capabilities = ["read"] }
path "vps/data/+/mailu_api"   { capabilities = ["read"] }
path "transit/decrypt/smtp"   { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
