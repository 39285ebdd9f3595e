# CheckVps logs in to a new server to see its first boot over.
path "vps/data/+/admin_ssh"   { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
