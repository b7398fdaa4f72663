"""What tests of the running stack share: namespaces, processes with deadlines, convoyd."""
