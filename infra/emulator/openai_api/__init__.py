"""What api.openai.com offers: call control, the sideband and the list of models, under /v1."""
