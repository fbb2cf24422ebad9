"""A whole phone network played by a second Asterisk: patients, mobiles, carriers' voicemail."""
