"""A phone network simulated by a second Asterisk: patients, mobiles, voicemail."""
