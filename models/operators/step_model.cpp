#include "models/operators/step_model.hpp"
