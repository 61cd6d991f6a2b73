// A range test of the learning rate.
#pragma once

#include "sweep/trial.h"

// Trains with a learning rate that rises from low to high, step by step, into OUT/run; draws OUT/range and prints the
// rates at which the loss falls most steeply and is lowest. Changes the recipe.
int sweep_range(const cli_trials *how, convo_recipe *recipe, const char *out, double low, double high);
