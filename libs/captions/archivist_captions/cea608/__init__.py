"""CEA-608: captions as two bytes a frame. Encoder and decoder share codes and characters, and no logic."""
