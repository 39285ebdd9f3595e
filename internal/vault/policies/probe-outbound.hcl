# ProbeOutbound logs in to a new server to try a connection from there.
path "vps/data/+/admin_ssh"   { capabilities = ["read"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
