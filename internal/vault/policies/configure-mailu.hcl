# ConfigureMailu takes everything that makes a server one tenant's. "update" on transit, never "create".
path "smtp/data/+/admin"      { capabilities = ["read"] }
path "vps/data/+/admin_ssh"   { capabilities = ["read"] }
path "vps/data/+/mailu_api"   { capabilities = ["read"] }
path "vps/data/+/tls"         { capabilities = ["read"] }
path "dkim/data/+/+"          { capabilities = ["read"] }
path "transit/decrypt/smtp"   { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
