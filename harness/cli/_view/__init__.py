"""What only draws: screens, bars, charts, an entry and a score card as a person sees them."""
